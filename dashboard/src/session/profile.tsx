/** The profile of whoever is signed in, above all the time zone in which times are shown. */
import { createContext, use, type ReactNode } from "react";
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import type { Profile } from "@/api/schema";
import { Failure, Loading } from "@/ui/states";
import { useApi } from "./context";

const ProfileContext = createContext<Profile | null>(null);

export function ProfileProvider({ children }: { children: ReactNode }) {
  const api = useApi();
  const query = useQuery({ queryKey: ["profile"], queryFn: () => body(api.GET("/api/user/profile")), staleTime: 300_000 });
  if (query.data) return <ProfileContext value={query.data}>{children}</ProfileContext>;
  return query.error ? <Failure error={query.error} retry={() => void query.refetch()} /> : <Loading what="Loading your profile" />;
}

export function useProfile(): Profile {
  const profile = use(ProfileContext);
  if (!profile) throw new Error("useProfile is used outside of ProfileProvider");
  return profile;
}

/** The second factors of whoever is signed in. */
import { useQuery } from "@tanstack/react-query";
import { body } from "@/api/client";
import { useApi } from "@/session/context";

export function useFactors() {
  const api = useApi();
  return useQuery({ queryKey: ["factors"], queryFn: async () => (await body(api.GET("/api/auth/factors"))).data });
}

/** Name and time zone. */
import { useState } from "react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { body } from "@/api/client";
import { sentence } from "@/api/problem";
import type { Profile } from "@/api/schema";
import { useApi } from "@/session/context";
import { useProfile } from "@/session/profile";
import { said } from "@/ui/announce";
import { Button } from "@/ui/button";
import { Chip } from "@/ui/figures";
import { Field, Input } from "@/ui/form";
import { Panel } from "@/ui/panel";
import { ZonePicker } from "./zone_picker";

export function ProfilePanel() {
  const profile = useProfile();
  // Anew when the profile was changed elsewhere: a form over what is no more would be refused.
  return <ProfileForm key={profile.version} profile={profile} />;
}

function ProfileForm({ profile }: { profile: Profile }) {
  const api = useApi();
  const queries = useQueryClient();
  const [name, setName] = useState(profile.display_name);
  const [zone, setZone] = useState(profile.time_zone);
  const save = useMutation({
    meta: { shown: true },
    mutationFn: () => body(api.PUT("/api/user/profile", {
      params: { header: { "if-match": `"${profile.version}"` } },
      body: { display_name: name.trim(), time_zone: zone },
    })),
    onSuccess: (changed) => {
      queries.setQueryData(["profile"], changed);
      said("Your profile is saved.");
    },
    // Changed elsewhere meanwhile: the form is shown anew over what is there now.
    onError: () => queries.invalidateQueries({ queryKey: ["profile"] }),
  });
  const changed = name.trim() !== profile.display_name || zone !== profile.time_zone;
  return (
    <Panel
      title="Profile"
      actions={
        <>
          {profile.administrator && <Chip tone="accent">administrator</Chip>}
          {profile.desk_id !== null && <Chip title="On your desk">{profile.desk_role}</Chip>}
        </>
      }
    >
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate();
        }}
      >
        <Field label="Your name"><Input maxLength={200} autoComplete="name" value={name} onChange={(event) => setName(event.target.value)} /></Field>
        <ZonePicker value={zone} onChange={setZone} />
        {save.error && <p role="alert" className="text-sm text-danger">{sentence(save.error)}</p>}
        <div><Button type="submit" look="main" busy={save.isPending} disabled={!changed}>Save</Button></div>
      </form>
    </Panel>
  );
}

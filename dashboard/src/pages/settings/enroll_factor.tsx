/** Shows the secret of a new factor once, as a picture and as text, and takes the first code of it. */
import { useMemo } from "react";
import { useQueryClient } from "@tanstack/react-query";
import { encode } from "uqr";
import { body } from "@/api/client";
import type { EnrolledFactor } from "@/api/schema";
import { CodeForm } from "@/pages/entry/code_form";
import { useApi, useSupabase } from "@/session/context";
import { keep } from "@/session/entering";
import { said } from "@/ui/announce";
import { Copied } from "@/ui/copied";

export function EnrollFactor({ factor, onDone }: { factor: EnrolledFactor; onDone: () => void }) {
  const api = useApi();
  const supabase = useSupabase();
  const queries = useQueryClient();
  return (
    <div className="flex flex-col gap-4">
      <QrCode text={factor.uri} />
      <Copied label="Or type this secret into it" text={factor.secret} />
      <CodeForm
        act="Turn it on"
        label="Code that the app shows"
        onCode={async (code) => {
          const raised = await body(api.POST("/api/auth/factors/{id}/verify", { params: { path: { id: factor.id } }, body: { code } }));
          await keep(supabase, raised);
          await queries.invalidateQueries({ queryKey: ["factors"] });
          said("The second factor is on. Sessions of yours elsewhere have ended.");
          onDone();
        }}
      />
    </div>
  );
}

/** Drawn as one path: black on white in both themes, as cameras want it. */
function QrCode({ text }: { text: string }) {
  const { size, path } = useMemo(() => {
    const { data, size: modules } = encode(text, { ecc: "M", border: 2 });
    const drawn = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : "")));
    return { size: modules, path: drawn.join("") };
  }, [text]);
  return (
    <svg role="img" aria-label="QR code of the secret" viewBox={`0 0 ${size} ${size}`} className="mx-auto size-52 rounded bg-white" shapeRendering="crispEdges">
      <path d={path} fill="#000000" />
    </svg>
  );
}

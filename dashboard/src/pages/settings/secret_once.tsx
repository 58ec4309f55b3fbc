/** A secret, shown this once; a click beside the dialog does not lose it. */
import { TriangleAlert } from "lucide-react";
import { Button } from "@/ui/button";
import { Copied } from "@/ui/copied";
import { Dialog } from "@/ui/dialog";

interface Props {
  title: string;
  secrets: readonly { label: string; text: string }[];
  /** How it is used, in a sentence. */
  use: string;
  onClose: () => void;
}

export function SecretOnce({ title, secrets, use, onClose }: Props) {
  return (
    <Dialog open onOpenChange={() => undefined} title={title} about={use}>
      <div className="flex flex-col gap-4 text-sm">
        {secrets.map(({ label, text }) => <Copied key={label} label={label} text={text} />)}
        <p className="flex gap-2 text-warn"><TriangleAlert aria-hidden className="mt-0.5 size-4 shrink-0" /> It is shown this once. Store it now; nobody can show it again.</p>
        <div className="flex justify-end"><Button look="main" onClick={onClose}>I have stored it</Button></div>
      </div>
    </Dialog>
  );
}

import { useRouteError } from "react-router";
import { Failure } from "@/ui/states";

/** A page that broke: the rest of the dashboard goes on. */
export function Crashed() {
  const error = useRouteError();
  // A new version was installed: the old one's files are gone.
  const outdated = error instanceof TypeError && /dynamically imported module/.test(error.message);
  return <Failure error={outdated ? new Error("The dashboard was renewed; load the page again.") : error} retry={() => location.reload()} />;
}

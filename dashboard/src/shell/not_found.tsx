import { Link } from "react-router";
import { Empty } from "@/ui/states";

export function NotFound() {
  return <Empty action={<Link className="text-accent underline" to="/">To the overview</Link>}>There is no such page.</Empty>;
}

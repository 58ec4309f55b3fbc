/** For the settings: the tour, and the first steps where they were put away. */
import { Button } from "@/ui/button";
import { dismissFirstRun, goToStop, useTour } from "./tour_state";

export function TourAgain() {
  const { dismissed } = useTour();
  return (
    <span className="flex flex-wrap gap-2">
      <Button small onClick={() => goToStop(0)}>Take the tour</Button>
      {dismissed && <Button small look="quiet" onClick={() => dismissFirstRun(false)}>Show the first steps again</Button>}
    </span>
  );
}

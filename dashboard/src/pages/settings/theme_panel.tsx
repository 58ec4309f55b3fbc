/** Dark, light, or as the system has it. */
import { useState } from "react";
import { chooseTheme, chosenTheme, useShownTheme, type Theme } from "@/theme/theme";
import { Segments } from "@/ui/form";
import { Panel } from "@/ui/panel";
import { TourAgain } from "@/tour/tour_again";

const THEMES: readonly { value: Theme; label: string }[] = [
  { value: "system", label: "As the system" },
  { value: "dark", label: "Dark" },
  { value: "light", label: "Light" },
];

export function ThemePanel() {
  useShownTheme();
  // Asked again at every paint: the menu at the top changes it too.
  const [, repaint] = useState(0);
  return (
    <Panel title="This device">
      <div className="flex flex-wrap items-center gap-x-6 gap-y-3 text-sm">
        <span className="flex items-center gap-3">
          Theme
          <Segments
            label="Theme"
            value={chosenTheme()}
            options={THEMES}
            onChange={(theme) => {
              chooseTheme(theme);
              repaint((count) => count + 1);
            }}
          />
        </span>
        <TourAgain />
      </div>
    </Panel>
  );
}

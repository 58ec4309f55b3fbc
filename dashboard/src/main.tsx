import "./no_made_code";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { BadConfig, readConfig, type Config } from "./config";
import "./styles.css";

const element = document.getElementById("root");
if (!element) throw new Error("index.html has no #root");
const root = createRoot(element);

async function begin(): Promise<void> {
  let config: Config;
  try {
    config = await readConfig();
  } catch (error) {
    if (!(error instanceof BadConfig)) throw error;
    root.render(<main className="p-8" role="alert">{error.message}</main>);
    return;
  }
  root.render(
    <StrictMode>
      <App config={config} />
    </StrictMode>,
  );
}

void begin();

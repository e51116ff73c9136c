import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "@/app/app";
import { startTexts } from "@/lib/i18n";
import "./styles.css";

const root = document.getElementById("root");
if (root === null) throw new Error("The page has no #root.");
await startTexts();
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);

export const markdown = {
  code: "Code",
  code_in: "Code in {{language}}",
  copy_code: "Code kopieren",
  done: "Erledigt",
  footnote: "Fußnote {{label}}",
  footnote_back: "Fußnote {{label}}: zurück zum Text",
  image: "Bild",
  image_of: "Bild: {{what}}",
  not_done: "Nicht erledigt",
  table: "Tabelle",
};

export const markdown = {
  code: "Code",
  code_in: "Code in {{language}}",
  copy_code: "Copy code",
  done: "Done",
  footnote: "Footnote {{label}}",
  footnote_back: "Footnote {{label}}: back to the text",
  image: "Image",
  image_of: "Image: {{what}}",
  not_done: "Not done",
  table: "Table",
};

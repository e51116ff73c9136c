import type { ComponentProps } from "react";
import { useTranslation } from "react-i18next";
import { CodeBlock } from "./code-block";
import { Footnote, FootnoteMark } from "./footnotes";
import { Image, Link } from "./links";
import { ScrollBox } from "./scroll-box";

/** What each element of a message is shown as. A message stands under the page's own two levels of headings. */
export const elements = {
  h1: "h3",
  h2: "h4",
  h3: "h5",
  h4: "h6",
  h5: "h6",
  a: Link,
  img: Image,
  pre: CodeBlock,
  table: Table,
  th: HeadCell,
  input: TaskBox,
  sup: FootnoteMark,
  aside: Footnote,
} as const;

function Table(props: ComponentProps<"table">) {
  const { t } = useTranslation();
  return (
    <ScrollBox label={t("markdown.table")} className="table-box">
      <table {...props} />
    </ScrollBox>
  );
}

function HeadCell(props: ComponentProps<"th">) {
  return <th scope="col" {...props} />;
}

function TaskBox({ checked }: ComponentProps<"input">) {
  const { t } = useTranslation();
  const label = t(checked ? "markdown.done" : "markdown.not_done");
  return <input type="checkbox" checked={checked === true} disabled readOnly aria-label={label} />;
}

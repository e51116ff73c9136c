import { type ComponentProps, memo } from "react";
import { useTranslation } from "react-i18next";
import { CopyButton } from "@/components/copy-button";
import { ScrollBox } from "./scroll-box";
import { Tokens } from "./tokens";
import { useHighlighter } from "./use-highlighter";

interface CodeBlockProps extends ComponentProps<"pre"> {
  "data-language"?: string;
  "data-closed"?: string;
}

/** Code with its language and a button that copies it. */
export function CodeBlock({ "data-language": language = "", "data-closed": closed, children }: CodeBlockProps) {
  const code = typeof children === "string" ? children : "";
  return <Listing code={code} language={language} complete={closed === "true"} />;
}

interface ListingProps {
  code: string;
  language: string;
  complete: boolean;
}

const Listing = memo(function Listing({ code, language, complete }: ListingProps) {
  const { t } = useTranslation();
  const label = language === "" ? t("markdown.code") : t("markdown.code_in", { language });
  return (
    <div className="code-block" dir="ltr">
      <div className="code-head">
        <span className="code-language">{language === "" ? t("markdown.code") : language}</span>
        <CopyButton text={code} label={t("markdown.copy_code")} className="code-copied" />
      </div>
      <ScrollBox label={label} className="code-box">
        <pre>
          <Coloured code={code} language={language} complete={complete} />
        </pre>
      </ScrollBox>
    </div>
  );
});

/** Only the colours change when they come: a fence that is still open would change them with each line. */
function Coloured({ code, language, complete }: ListingProps) {
  const tokens = useHighlighter(code, complete ? language : "");
  return <code>{tokens === null ? code : <Tokens tokens={tokens} />}</code>;
}

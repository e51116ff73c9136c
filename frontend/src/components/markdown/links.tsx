import { ImageIcon } from "lucide-react";
import { type ComponentProps, createContext, type ReactNode, use } from "react";
import { useTranslation } from "react-i18next";
import { imageAddress, linkAddress } from "./link-policy";

/** Whether this is part of a link, in which there can be no other. */
export const WithinLink = createContext(false);

/** A link to another place in a tab of its own; where a message must not lead, only its words. */
export function Link({ href = "", title, children }: ComponentProps<"a">) {
  return (
    <LinkTo address={linkAddress(href)} title={title}>
      {children}
    </LinkTo>
  );
}

/** In place of an image, which would tell its host who reads this and when: what it shows, and a link to it. */
export function Image({ src, alt, title }: ComponentProps<"img">) {
  const { t } = useTranslation();
  return (
    <LinkTo address={typeof src === "string" ? imageAddress(src) : null} title={title}>
      <span className="image">
        <ImageIcon aria-hidden size={16} />
        {alt ? t("markdown.image_of", { what: alt }) : t("markdown.image")}
      </span>
    </LinkTo>
  );
}

interface LinkToProps {
  address: string | null;
  title: string | undefined;
  children: ReactNode;
}

function LinkTo({ address, title, children }: LinkToProps) {
  const within = use(WithinLink);
  if (address === null || within) return children;
  return (
    <WithinLink value={true}>
      <a href={address} title={title} target="_blank" rel="noopener noreferrer nofollow">
        {children}
      </a>
    </WithinLink>
  );
}

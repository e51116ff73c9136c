import { Component, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./button";
import { Notice } from "./notice";

/** In place of a part of the page that failed, or could not be loaded: a sentence and a way on. */
export class Boundary extends Component<{ children: ReactNode }, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    return this.state.failed ? <Failed /> : this.props.children;
  }
}

function Failed() {
  const { t } = useTranslation();
  const reload = <Button onClick={() => location.reload()}>{t("common.reload")}</Button>;
  return (
    <div className="m-auto max-w-xl p-4">
      <Notice kind="error" action={reload}>
        {t("common.part_failed")}
      </Notice>
    </div>
  );
}

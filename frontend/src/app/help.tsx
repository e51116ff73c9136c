import { useTranslation } from "react-i18next";
import { Dialog } from "@/components/dialog";

const MOD = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘" : "Ctrl";
const SHORTCUTS = [
  ["chat.new_chat", [MOD, "Shift", "O"]],
  ["chat.search", [MOD, "K"]],
  ["chat.sidebar", [MOD, "B"]],
  ["chat.to_box", ["/"]],
  ["chat.copy_last", [MOD, "Shift", "Y"]],
  ["chat.stop", ["Esc"]],
  ["chat.help", ["?"]],
] as const;

/** Which keys do what. */
export function Help({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog open onClose={onClose} title={t("chat.help")}>
      <dl className="grid grid-cols-[1fr_auto] gap-x-6 gap-y-3 pt-2 text-sm">
        {SHORTCUTS.map(([name, keys]) => (
          <div key={name} className="contents">
            <dt>{t(name)}</dt>
            <dd className="flex gap-1">
              {keys.map((key) => (
                <kbd key={key} className="rounded border border-line bg-surface px-1.5 font-mono text-xs leading-6">
                  {key}
                </kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}

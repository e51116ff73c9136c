import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Notice } from "@/components/notice";
import { chooseLanguage, LANGUAGES, type Language } from "@/lib/i18n";
import { Choice } from "./choice";
import { chooseTheme, readTheme, THEMES } from "./theme";

export function ThemeChoice() {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState(readTheme);
  return (
    <Choice
      label={t("account.page.theme")}
      options={THEMES.map((value) => ({ value, label: t(`account.page.themes.${value}`) }))}
      chosen={chosen}
      onChoose={(theme) => {
        chooseTheme(theme);
        setChosen(theme);
      }}
    />
  );
}

const LANGUAGE_OPTIONS = (Object.keys(LANGUAGES) as Language[]).map((value) => ({
  value,
  label: LANGUAGES[value],
  lang: value,
}));

export function LanguageChoice() {
  const { t, i18n } = useTranslation();
  const [failed, setFailed] = useState(false);
  const choose = (language: Language) =>
    chooseLanguage(language).then(
      () => setFailed(false),
      () => setFailed(true),
    );
  return (
    <>
      <Choice
        label={t("account.page.language")}
        options={LANGUAGE_OPTIONS}
        chosen={i18n.language as Language}
        onChoose={choose}
      />
      {failed && <Notice kind="error">{t("account.page.language_failed")}</Notice>}
    </>
  );
}

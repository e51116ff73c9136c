import i18next, { type i18n } from "i18next";
import { initReactI18next } from "react-i18next";
import { en } from "./en/index";

const KEY = "safycore.language";
export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const LOADERS: Record<Language, () => Promise<object>> = {
  en: async () => en,
  de: async () => (await import("./de/index")).de,
};

declare module "i18next" {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
  }
}

/** The language that was chosen here, else the first of the browser's that there are texts in, else English. */
export function preferredLanguage(chosen: string | null, wanted: readonly string[]): Language {
  const candidates = [chosen ?? "", ...wanted].map((tag) => tag.split("-")[0] ?? "");
  return candidates.find(isLanguage) ?? "en";
}

export async function startTexts(): Promise<i18n> {
  const wanted = preferredLanguage(localStorage.getItem(KEY), navigator.languages);
  const texts = await LOADERS[wanted]().catch(() => null);
  // Better in another language than not at all.
  const language = texts === null ? "en" : wanted;
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: "en",
    resources: { en: { translation: en }, [language]: { translation: texts ?? en } },
    interpolation: { escapeValue: false },
  });
  document.documentElement.lang = language;
  return i18next;
}

export async function chooseLanguage(language: Language): Promise<void> {
  localStorage.setItem(KEY, language);
  i18next.addResourceBundle(language, "translation", await LOADERS[language]());
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
}

function isLanguage(tag: string): tag is Language {
  return Object.hasOwn(LANGUAGES, tag);
}

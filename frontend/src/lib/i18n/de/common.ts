export const common = {
  cancel: "Abbrechen",
  close: "Schließen",
  copied: "Kopiert",
  copy_refused: "Dein Browser hat das Kopieren nicht erlaubt. Markiere den Text und kopiere ihn mit der Tastatur.",
  copy: "Kopieren",
  loading: "Wird geladen",
  notifications: "Mitteilungen",
  not_found: "Unter dieser Adresse gibt es nichts.",
  offline:
    "Du bist offline. Was du schreibst, bleibt erhalten; es geht von selbst weiter, sobald du wieder online bist.",
  part_failed: "Dieser Teil der Seite konnte nicht geladen werden. Was du geschrieben hast, bleibt erhalten.",
  reload: "Neu laden",
  retry: "Erneut versuchen",
  save: "Speichern",
  to_chat: "Zum Chat",
  undo: "Rückgängig",
  unreachable: "Der Server ist nicht erreichbar. Es wird von selbst weiter versucht.",
};

try {
  const theme = localStorage.getItem("safycore.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage can be forbidden; the system's theme it is then.
}

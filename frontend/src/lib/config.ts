/** Where the API answers: nothing for the page's own origin, else an origin such as `https://api.example.com`. */
export const API_URL: string = (import.meta.env["VITE_API_URL"] ?? "").replace(/\/+$/, "");

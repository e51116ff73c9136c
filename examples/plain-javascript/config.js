// Where SafyCore answers. Its CORS_ALLOWED_ORIGINS must name the origin of this page.
export const API = "http://127.0.0.1:8000";

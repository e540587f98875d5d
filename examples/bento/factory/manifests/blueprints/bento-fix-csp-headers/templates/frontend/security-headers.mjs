/**
 * What every answer of the web app tells the browser to refuse.
 *
 * Next.js starts its pages with small inline scripts, hence 'unsafe-inline' for scripts and styles; everything else comes
 * from this origin alone. The development server also evaluates code, so 'unsafe-eval' is added there and nowhere else.
 */
const development = process.env.NODE_ENV === "development";

const policy = {
  "default-src": ["'self'"],
  "script-src": ["'self'", "'unsafe-inline'", ...(development ? ["'unsafe-eval'"] : [])],
  "style-src": ["'self'", "'unsafe-inline'"],
  "img-src": ["'self'", "data:"],
  "font-src": ["'self'"],
  "connect-src": ["'self'", ...(development ? ["ws:"] : [])],
  "object-src": ["'none'"],
  "base-uri": ["'self'"],
  "form-action": ["'self'"],
  "frame-ancestors": ["'none'"],
};

export const securityHeaders = [
  {
    key: "Content-Security-Policy",
    value: Object.entries(policy)
      .map(([directive, sources]) => `${directive} ${sources.join(" ")}`)
      .join("; "),
  },
  { key: "Referrer-Policy", value: "strict-origin-when-cross-origin" },
  { key: "X-Content-Type-Options", value: "nosniff" },
  { key: "X-Frame-Options", value: "DENY" },
  { key: "Permissions-Policy", value: "camera=(), microphone=(), geolocation=()" },
  { key: "Strict-Transport-Security", value: "max-age=31536000; includeSubDomains" },
];

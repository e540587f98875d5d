/** Where the API answers, as seen from this server. Browsers reach it through `/api/*` of the web app itself. */
const api = process.env.API_URL ?? "http://localhost:8080";

/** @type {import("next").NextConfig} */
const config = {
  output: "standalone",
  poweredByHeader: false,
  reactStrictMode: true,
  async rewrites() {
    return [{ source: "/api/:path*", destination: `${api}/api/:path*` }];
  },
};

export default config;

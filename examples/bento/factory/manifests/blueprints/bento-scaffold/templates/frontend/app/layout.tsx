import type { Metadata } from "next";
import Link from "next/link";
import type { ReactNode } from "react";

import "./globals.css";

export const metadata: Metadata = {
  title: { default: "Bento", template: "%s · Bento" },
  description: "Meal prep for Nordic weeks: one box, cooked, at your door.",
};

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en">
      <body>
        <header className="site-header">
          <Link href="/" className="wordmark">
            bento
          </Link>
        </header>
        <main id="content">{children}</main>
        <footer className="site-footer">
          <small>Bento · cooked in Oslo, eaten in the Nordics</small>
        </footer>
      </body>
    </html>
  );
}

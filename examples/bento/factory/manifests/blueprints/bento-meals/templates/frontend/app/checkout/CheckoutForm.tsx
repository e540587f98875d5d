"use client";

import Link from "next/link";
import { useEffect, useState, type FormEvent } from "react";

import { kroner } from "@/lib/api";
import type { Basket } from "@/lib/basket";
import { clearBasket, loadBasket } from "@/lib/basketStore";
import { order, type Subscription } from "@/lib/orders";

import styles from "./checkout.module.css";

const COUNTRIES = { NO: "Norway", SE: "Sweden", DK: "Denmark", FI: "Finland", IS: "Iceland" };

/** No card number is asked for: the invoice comes with the first box. */
export function CheckoutForm() {
  const [basket, setBasket] = useState<Basket | null>(null);
  const [state, setState] = useState<"editing" | "sending">("editing");
  const [problem, setProblem] = useState("");
  const [made, setMade] = useState<Subscription | null>(null);

  useEffect(() => setBasket(loadBasket()), []);

  async function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    if (!basket) return;
    const fields = new FormData(event.currentTarget);
    const field = (name: string) => String(fields.get(name) ?? "");
    setState("sending");
    setProblem("");
    try {
      const subscription = await order(
        {
          email: field("email"),
          password: field("password"),
          fullName: field("fullName"),
          street: field("street"),
          postalCode: field("postalCode"),
          city: field("city"),
          country: field("country"),
          consent: fields.has("consent"),
        },
        basket,
      );
      clearBasket();
      setMade(subscription);
    } catch (error) {
      setProblem(error instanceof Error ? error.message : "The order did not go through.");
      setState("editing");
    }
  }

  if (made) {
    return (
      <p role="status">
        Thank you! Your first box comes on a Tuesday, {kroner(made.priceOre)} a week. Pause or cancel whenever you like.
      </p>
    );
  }
  if (!basket) {
    return (
      <p>
        The box is empty. <Link href="/meals">Choose your meals</Link>
      </p>
    );
  }

  return (
    <form className={styles.form} onSubmit={submit}>
      {problem && <p role="alert">{problem}</p>}

      <label htmlFor="fullName">Name</label>
      <input id="fullName" name="fullName" autoComplete="name" required />

      <label htmlFor="email">E-mail</label>
      <input id="email" name="email" type="email" autoComplete="email" maxLength={254} required />

      <label htmlFor="password">Password (12 characters or more)</label>
      <input
        id="password"
        name="password"
        type="password"
        autoComplete="new-password"
        minLength={12}
        maxLength={128}
        required
      />

      <label htmlFor="street">Street and number</label>
      <input id="street" name="street" autoComplete="street-address" required />

      <label htmlFor="postalCode">Postal code</label>
      <input id="postalCode" name="postalCode" autoComplete="postal-code" minLength={3} maxLength={6} required />

      <label htmlFor="city">Town</label>
      <input id="city" name="city" autoComplete="address-level2" required />

      <label htmlFor="country">Country</label>
      <select id="country" name="country" autoComplete="country" defaultValue="NO">
        {Object.entries(COUNTRIES).map(([code, name]) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </select>

      <span className={styles.consent}>
        <input id="consent" name="consent" type="checkbox" required />
        <label htmlFor="consent">I agree to the terms and to the privacy policy.</label>
      </span>

      <button type="submit" disabled={state === "sending"}>
        {state === "sending" ? "Ordering …" : "Order the box"}
      </button>
    </form>
  );
}

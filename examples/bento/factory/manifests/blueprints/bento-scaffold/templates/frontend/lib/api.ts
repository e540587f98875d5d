/** The API as the web app sees it. The shapes are those of `api/openapi/`. */

export type Plan = { code: string; title: string; meals: number; portions: number; priceOre: number };

export type Diet = "meat" | "fish" | "vegetarian" | "vegan";

export type Meal = { code: string; title: string; diet: Diet; minutes: number };

export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Sends a request to the API and reads its JSON answer; a refusal becomes an ApiError with the API's own words. */
export async function request<T>(path: string, init: RequestInit = {}): Promise<T> {
  const response = await fetch(`/api/v1${path}`, {
    ...init,
    headers: { "Content-Type": "application/json", ...init.headers },
  });
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) {
    const problem = body as { error?: string } | null;
    throw new ApiError(response.status, problem?.error ?? "The kitchen does not answer. Please try again.");
  }
  return body as T;
}

/** Whole øre as kroner, the way Norwegians write it: `kr 549`. */
export function kroner(ore: number): string {
  return new Intl.NumberFormat("nb-NO", {
    style: "currency",
    currency: "NOK",
    maximumFractionDigits: 0,
  }).format(ore / 100);
}

/** The whole page: clients, session, live rows, and the routes. */
import { lazy, Suspense } from "react";
import { MutationCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "react-router";
import { Problem } from "./api/problem";
import type { Config } from "./config";
import { router } from "./routes";
import { SessionProvider } from "./session/context";
import { useShownTheme } from "./theme/theme";
import { failed } from "./ui/announce";

const Toasts = lazy(async () => ({ default: (await import("./ui/toasts")).Toasts }));

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      // The client of the API has tried already; what was refused stays refused.
      retry: (count, error) => !(error instanceof Problem) && count < 1,
      refetchOnWindowFocus: true,
      refetchOnReconnect: true,
    },
  },
  // What nobody shows in its place is told as a message: nothing is swallowed. `meta: { shown: true }` where a form shows it.
  mutationCache: new MutationCache({
    onError: (error, _variables, _context, mutation) => {
      if (mutation.meta?.["shown"] !== true) failed(error);
    },
  }),
});

export function App({ config }: { config: Config }) {
  const theme = useShownTheme();
  return (
    <QueryClientProvider client={queries}>
      <SessionProvider config={config}>
        <RouterProvider router={router} />
        <Suspense>
          <Toasts theme={theme} />
        </Suspense>
      </SessionProvider>
    </QueryClientProvider>
  );
}

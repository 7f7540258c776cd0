import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

import { findAddresses } from "./addresses.ts";

export default defineConfig(() => {
  const { port, backend } = findAddresses(process.env);
  const server = {
    host: "127.0.0.1",
    port,
    strictPort: true,
    proxy: { "/api": backend, "/health": backend },
  };
  return { plugins: [react()], server, preview: server };
});

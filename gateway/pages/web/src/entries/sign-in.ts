// The page /sign-in.

import { startShell } from "../shell";

startShell();

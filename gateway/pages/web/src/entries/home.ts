// The page /home.

import { startShell } from "../shell";

startShell();

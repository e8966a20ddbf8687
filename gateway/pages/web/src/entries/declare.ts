// The page /declare.

import { startShell } from "../shell";

startShell();

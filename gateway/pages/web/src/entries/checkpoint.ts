// The page /checkpoint.

import { startCheckpoint } from "../checkpoint/main";
import { startShell } from "../shell";

void startShell();
startCheckpoint();

// The page /: a pass that is valid now is one press away.

import { Device } from "../device";
import { at, show } from "../dom";
import { span } from "../format";
import { startShell } from "../shell";
import { text } from "../texts";
import { insideOf } from "../venue/visit";

void startShell();
show(at("forgotten"), new URLSearchParams(location.search).has("forgotten"));

const now = Date.now();
const device = new Device(localStorage);
const [visit] = insideOf(device.visits, now);
if (visit) {
  at("visit-now-where").textContent = visit.name;
  show(at("visit-now"));
}
const valid = device.passes.find((pass) => !pass.revoked && pass.valid_until > now);
if (valid) {
  const link = at<HTMLAnchorElement>("pass-now");
  link.pathname = `/pass/${encodeURIComponent(valid.pass)}`;
  at("pass-now-until").textContent = text("time_left", { span: span(valid.valid_until - now) });
  show(link);
}

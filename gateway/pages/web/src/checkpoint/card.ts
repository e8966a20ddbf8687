// The QR code on Vietnam's chip citizen card:
// number|old number|name|birth date|sex|residence|issue date, dates as ddmmyyyy. Newer cards add fields.
// The whole text goes to the server, which compares it; here is only seen whether it is one.

/** Whether the text is what a citizen card's code says. */
export function isCard(text: string): boolean {
  const [number = "", oldNumber = "", name = "", birth = "", , , issued = ""] = text.trim().split("|");
  return (
    /^\d{12}$/.test(number) &&
    /^(\d{9}|\d{12}|)$/.test(oldNumber) &&
    name.trim() !== "" &&
    isDate(birth) &&
    isDate(issued)
  );
}

/** Whether the text is a day as ddmmyyyy; of some people only the year is known, and 00 stands for the rest. */
function isDate(text: string): boolean {
  const [, day, month] = /^(\d\d)(\d\d)(?:19|20)\d\d$/.exec(text) ?? [];
  return day !== undefined && Number(day) <= 31 && Number(month) <= 12;
}

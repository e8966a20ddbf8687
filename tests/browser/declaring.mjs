// The hand of a citizen on the page /declare.

/** From an empty page to the end of the first step: document, phone, one-time code. */
export async function confirmIdentity(page, number, phone) {
  await page.type('[id="person.documents[0].number"]', number);
  await page.type("#phone", phone);
  await page.press("#ask-code");
  await page.see("#code");
  await page.type("#code", await page.server.code());
  await page.press("#redeem");
  await page.see('[id="step-2"], #known-title');
}

/** The second step: who one is, and where one lives. */
export async function fillPerson(page, { name, birth_date, sex }, area = "phuong hong ha") {
  await page.type('[id="person.name"]', name);
  await fillBirthDate(page, birth_date);
  await page.choose("person.sex", sex);
  await pickArea(page, "person.permanent.area", area);
  await page.type('[id="person.permanent.address"]', "Số 8, ngõ 12");
}

export async function fillBirthDate(page, birthDate) {
  const [year, month, day] = birthDate.split("-");
  for (const [part, value] of Object.entries({ day, month, year })) {
    await page.type(`[data-field="person.birth_date"] [data-part=${part}]`, value);
  }
}

/** The third step: from home to a ward far away, by motorbike. */
export async function fillJourney(page, to = "phuong sai gon") {
  await page.press("#from-home");
  await pickArea(page, "journey.to", to);
  await page.choose("journey.purpose", "work");
  await page.page.select('[id="journey.vehicle.kind"]', "motorbike");
  await page.type('[id="journey.vehicle.plate"]', "29-X1 123.45");
}

/** The fourth step: well, and vaccinated twice. */
export async function fillHealth(page) {
  await page.choose("health.symptoms", "none");
  await page.choose("health.exposure", "none");
  await page.choose("health.vaccine_doses", "2");
}

export async function next(page, step) {
  await page.press("#next");
  await page.see(`#step-${step}`);
}

/** Types without diacritics, and takes the first area that is found. */
export async function pickArea(page, field, query) {
  await page.type(`[id="${field}"]`, query);
  await page.press(`[id="${field}-list"] li`);
}

/** The second to fourth step, up to the page on which one reads it through. */
export async function fillAll(page, person) {
  await fillPerson(page, person);
  await next(page, 3);
  await fillJourney(page);
  await next(page, 4);
  await fillHealth(page);
  await next(page, 5);
}

/** Sends what the register does not know, and stays with it. */
export async function sendAnyway(page) {
  await page.press("#next");
  await page.press("#insist");
}

/** The pass that the page shows after it was sent. */
export async function passShown(page) {
  await page.page.waitForFunction(() => location.pathname.startsWith("/pass/"), { timeout: 30_000 });
  await page.see("#pass");
  return {
    number: await page.text("#pass-number"),
    token: await page.page.$eval("#qr", (qr) => qr.dataset.token),
  };
}

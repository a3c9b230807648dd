
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const set = JSON.parse(byId("data").textContent);
  const items = set.items;
  const slot = "route-prof review " + set.id;
  // Answers by id: { verdict: "pass" | "fail" | "skip", note }. A map without a prototype: ids are foreign text.
  let answers = Object.create(null);
  let history = [];
  let at = 0;
  let kept = true;

  const load = () => {
    try {
      const stored = JSON.parse(localStorage.getItem(slot) || "{}");
      for (const item of items) {
        const answer = stored[item.id];
        if (answer && ["pass", "fail", "skip"].includes(answer.verdict)) {
          answers[item.id] = { verdict: answer.verdict, note: String(answer.note || "") };
        }
      }
    } catch {
      kept = false;
    }
  };
  const save = () => {
    try {
      localStorage.setItem(slot, JSON.stringify(answers));
    } catch {
      kept = false;
    }
  };

  const show = () => {
    const item = items[at];
    const answered = items.filter((item) => answers[item.id]).length;
    byId("where").textContent = items.length
      ? `${at + 1} of ${items.length}, ${answered} done` + (kept ? "" : " (this browser keeps no progress: download before you close the page)")
      : "There is nothing to judge.";
    byId("done").style.width = items.length ? `${(100 * answered) / items.length}%` : "0";
    if (!item) return;
    const text = (id, value) => { byId(id).textContent = value || ""; };
    text("task", item.task);
    text("about", item.about);
    text("by", item.by);
    text("prompt", item.prompt);
    text("expected", item.expected);
    text("output", item.output);
    byId("s-expected").hidden = item.expected === undefined;
    const answer = answers[item.id];
    byId("note").value = answer ? answer.note : "";
    document.body.dataset.verdict = answer ? answer.verdict : "";
    window.scrollTo(0, 0);
  };

  const move = (by) => {
    at = Math.max(0, Math.min(items.length - 1, at + by));
    show();
  };
  const nextOpen = () => {
    for (let step = 1; step <= items.length; step += 1) {
      const other = (at + step) % items.length;
      if (!answers[items[other].id]) return other;
    }
    return Math.min(at + 1, items.length - 1);
  };
  const say = (verdict) => {
    const item = items[at];
    if (!item) return;
    history.push([at, answers[item.id]]);
    answers[item.id] = { verdict, note: byId("note").value };
    save();
    at = nextOpen();
    show();
  };
  const undo = () => {
    const last = history.pop();
    if (!last) return;
    at = last[0];
    if (last[1]) answers[items[at].id] = last[1];
    else delete answers[items[at].id];
    save();
    show();
  };

  const given = () => items
    .filter((item) => answers[item.id] && answers[item.id].verdict !== "skip")
    .map((item) => ({ id: item.id, verdict: answers[item.id].verdict, note: answers[item.id].note, inclusion: item.inclusion }));
  // An apostrophe keeps a spreadsheet from reading a note as a formula.
  const cell = (value) => `"${(/^[=+\-@\t\r]/.test(value) ? "'" + value : value).replaceAll('"', '""')}"`;
  const csv = () => "id,verdict,note,inclusion\r\n" + given().map((row) => [row.id, row.verdict, row.note, String(row.inclusion)].map(cell).join(",") + "\r\n").join("");
  const json = () => JSON.stringify(given(), null, 1) + "\n";
  const download = (name, type, text) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };

  const keys = {
    p: () => say("pass"), f: () => say("fail"), s: () => say("skip"), u: undo,
    j: () => move(1), k: () => move(-1), ArrowRight: () => move(1), ArrowLeft: () => move(-1),
    ArrowDown: () => move(1), ArrowUp: () => move(-1),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === byId("note")) {
      if (event.key === "Escape" || event.key === "Enter") byId("note").blur();
      return;
    }
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
    if (!act) return;
    event.preventDefault();
    act();
  });
  byId("note").addEventListener("change", () => {
    const answer = items[at] && answers[items[at].id];
    if (answer) { answer.note = byId("note").value; save(); }
  });
  const click = (id, act) => byId(id).addEventListener("click", act);
  click("pass", () => say("pass"));
  click("fail", () => say("fail"));
  click("skip", () => say("skip"));
  click("undo", undo);
  click("back", () => move(-1));
  click("next", () => move(1));
  click("csv", () => download("answers.csv", "text/csv", csv()));
  click("json", () => download("answers.json", "application/json", json()));

  load();
  const open = items.findIndex((item) => !answers[item.id]);
  at = open < 0 ? 0 : open;
  show();
})();

// Keeps the page fresh without touching what somebody is doing: only the conversation, the calls
// and the delivery word of a phone are replaced, never its forms.

const live = document.getElementById("live");
const phones = document.getElementById("phones");
const latest = document.getElementById("latest");
let revision = Number(document.body.dataset.revision);
let asking = false;

function fragment(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return template.content.firstElementChild;
}

function scrollDown(card) {
  const conversation = card.querySelector(".conversation");
  conversation.scrollTop = conversation.scrollHeight;
}

// Somebody who has scrolled back is reading.
function isRead(card) {
  const { scrollTop, clientHeight, scrollHeight } = card.querySelector(".conversation");
  return scrollTop + clientHeight >= scrollHeight - 8;
}

function show({ number, card, latest: line }) {
  const fresh = fragment(card);
  const old = document.getElementById(fresh.id);
  if (!old) {
    phones.append(fresh);
    scrollDown(fresh);
  } else {
    const focused = document.activeElement?.id;
    const follow = isRead(old);
    for (const part of old.querySelectorAll("[data-part]")) {
      const next = fresh.querySelector(`[data-part="${part.dataset.part}"]`);
      if (part.innerHTML !== next.innerHTML) part.replaceChildren(...next.childNodes);
    }
    if (focused && document.activeElement?.id !== focused) document.getElementById(focused)?.focus();
    if (follow) scrollDown(old);
  }
  if (line) {
    for (const row of latest.children) if (row.dataset.number === number) row.remove();
    latest.prepend(fragment(line));
    while (latest.children.length > 5) latest.lastElementChild.remove();
    document.getElementById("nothing").hidden = true;
  }
}

async function refresh() {
  if (asking || document.hidden) return;
  asking = true;
  try {
    const answer = await fetch(`/phones/changes.json?since=${revision}`);
    if (!answer.ok) throw new Error(answer.statusText);
    const { revision: now, cards } = await answer.json();
    revision = now;
    cards.forEach(show);
    live.textContent = "Live";
    live.classList.add("on");
  } catch {
    live.textContent = "Not connected. Trying again.";
    live.classList.remove("on");
  } finally {
    asking = false;
  }
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  event.preventDefault();
  const data = new URLSearchParams(new FormData(form, event.submitter));
  const answer = await fetch(form.action, {
    method: "POST",
    body: data,
    headers: { Accept: "application/json" },
  });
  if (!answer.ok) {
    live.textContent = await answer.text();
    live.classList.remove("on");
    return;
  }
  if (form.classList.contains("reply")) form.elements.body.value = "";
  if (form.closest(".behaviour")) form.closest("details").open = false;
  refresh();
});

document.addEventListener("visibilitychange", refresh);
for (const card of phones.children) scrollDown(card);
setInterval(refresh, 1000);
refresh();

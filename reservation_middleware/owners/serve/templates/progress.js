const list = document.getElementById("requests");
const bar = document.querySelector("progress");
const events = new EventSource(list.dataset.events);
const seen = new Set();
events.addEventListener("request", (event) => {
  const request = JSON.parse(event.data);
  if (seen.has(request.number)) return;
  seen.add(request.number);
  const line = document.createElement("li");
  line.textContent = `${request.host}, request ${request.number}`;
  list.append(line);
  bar.value = request.number;
});
events.addEventListener("done", () => { events.close(); location.reload(); });

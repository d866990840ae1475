"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const picture = document.getElementById("picture");
  const svg = picture.querySelector(".picture");
  const outline = document.getElementById("outline");
  const details = document.getElementById("details");
  const search = document.getElementById("search");
  const hits = document.getElementById("hits");
  const rows = [...outline.children];
  const nodes = [...svg.querySelectorAll(".node")];
  const lines = [...svg.querySelectorAll(".line")];
  const levelOf = row => Number(row.getAttribute("aria-level"));
  const nodeOf = element => Number(element.dataset.node);
  let chosen = -1;
  let found = [];

  // The view: what of the picture is seen. The element's own size changes with the window.
  const whole = svg.viewBox.baseVal;
  const size = {x: whole.x, y: whole.y, width: whole.width, height: whole.height};
  const view = {x: 0, y: 0, scale: 1};
  const show = () => {
    const box = picture.getBoundingClientRect();
    svg.setAttribute("viewBox",
                     [view.x, view.y, box.width / view.scale, box.height / view.scale].join(" "));
  };
  const fit = () => {
    const box = picture.getBoundingClientRect();
    view.scale = Math.min(box.width / size.width, box.height / size.height, 1.25);
    // What would be too small to be read begins at its beginning.
    const small = view.scale < 0.7;
    if (small) view.scale = 0.7;
    const place = (seen, all) => (seen / view.scale > all ? (all - seen / view.scale) / 2 : 0);
    view.x = place(box.width, size.width);
    view.y = place(box.height, size.height);
    if (small && nodes[0]) center(0, false);
    show();
  };
  const showAll = () => {
    const box = picture.getBoundingClientRect();
    view.scale = Math.min(box.width / size.width, box.height / size.height, 1.25);
    view.x = (size.width - box.width / view.scale) / 2;
    view.y = (size.height - box.height / view.scale) / 2;
    show();
  };
  const zoom = (factor, x, y) => {
    const scale = Math.min(Math.max(view.scale * factor, 0.02), 4);
    view.x += x / view.scale - x / scale;
    view.y += y / view.scale - y / scale;
    view.scale = scale;
    show();
  };
  const zoomMiddle = factor => {
    const box = picture.getBoundingClientRect();
    zoom(factor, box.width / 2, box.height / 2);
  };
  const placeOf = index => {
    const [x, y] = nodes[index].getAttribute("transform").match(/-?[\d.]+/g).map(Number);
    const rect = nodes[index].querySelector("rect");
    return {x, y, width: Number(rect.getAttribute("width")), height: Number(rect.getAttribute("height"))};
  };
  // Moves the view to a node that is not in it; the start to the left edge.
  const center = (index, onlyIfOutside) => {
    const box = picture.getBoundingClientRect();
    const at = placeOf(index);
    // Details lie over the right side, where there is room for them.
    const covered = details.hidden || box.width < 720 ? 0 : 368;
    const width = (box.width - covered) / view.scale, height = box.height / view.scale;
    const inside = at.x >= view.x && at.x + at.width <= view.x + width && at.y >= view.y &&
                   at.y + at.height <= view.y + height;
    if (onlyIfOutside && inside) return;
    view.x = onlyIfOutside ? at.x + at.width / 2 - width / 2 : at.x - 24 / view.scale;
    view.y = at.y + at.height / 2 - height / 2;
    show();
  };

  // Folding: a row is seen unless one that it hangs on is folded; a node of the
  // picture as long as one of its rows is.
  const refresh = () => {
    let hiddenBelow = Infinity;
    const seen = new Set();
    const shownBySearch = search.value.trim() ? ancestorsOfFound() : null;
    for (const row of rows) {
      const level = levelOf(row);
      if (level <= hiddenBelow) hiddenBelow = Infinity;
      const hidden = shownBySearch ? !shownBySearch.has(row) : level > hiddenBelow;
      row.hidden = hidden;
      if (!hidden || shownBySearch) seen.add(nodeOf(row));
      if (!shownBySearch && hiddenBelow === Infinity && row.getAttribute("aria-expanded") === "false") {
        hiddenBelow = level;
      }
    }
    for (const node of nodes) node.classList.toggle("gone", !seen.has(nodeOf(node)));
    for (const line of lines) {
      line.classList.toggle("gone", !seen.has(Number(line.dataset.from)) || !seen.has(Number(line.dataset.to)));
    }
    for (const row of rows) {
      if (row.hasAttribute("aria-expanded")) {
        nodes[nodeOf(row)].classList.toggle("folded", row.getAttribute("aria-expanded") === "false");
      }
    }
  };
  const fold = (row, folded) => {
    if (row.hasAttribute("aria-expanded")) row.setAttribute("aria-expanded", String(!folded));
    refresh();
  };
  const foldAll = folded => {
    for (const row of rows) {
      if (row.hasAttribute("aria-expanded") && !(folded && levelOf(row) === 1)) {
        row.setAttribute("aria-expanded", String(!folded));
      }
    }
    refresh();
    focusRow(rows.find(row => !row.hidden), false);
  };
  const parentOf = row => {
    for (let i = rows.indexOf(row) - 1; i >= 0; --i) if (levelOf(rows[i]) < levelOf(row)) return rows[i];
    return null;
  };
  const reveal = row => {
    for (let above = parentOf(row); above; above = parentOf(above)) above.setAttribute("aria-expanded", "true");
    refresh();
  };
  const ancestorsOfFound = () => {
    const set = new Set();
    const above = [];
    for (const row of rows) {
      above.length = levelOf(row) - 1;
      above.push(row);
      if (row.classList.contains("found")) for (const each of above) set.add(each);
    }
    return set;
  };

  // Choosing a node shows what is known of it, and what it is joined to.
  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const list = (title, edges, other) => {
    if (!edges.length) return;
    details.append(element("h3", title));
    const items = element("ul");
    for (const edge of edges) {
      const item = element("li");
      const link = element("a", data.nodes[edge[other]].id);
      link.tabIndex = 0;
      link.setAttribute("role", "button");
      link.onclick = () => choose(edge[other]);
      link.onkeydown = event => { if (event.key === "Enter") choose(edge[other]); };
      item.append(link);
      const more = edge.dashed ? edge.label : edge.label && "in " + edge.label;
      if (more) item.append(" ", element("span", more, "what"));
      items.append(item);
    }
    details.append(items);
  };
  const describe = index => {
    const node = data.nodes[index];
    details.replaceChildren();
    details.append(element("h2", node.title || node.id), element("div", node.subtitle, "what"));
    const close = element("button", "×");
    close.id = "close";
    close.setAttribute("aria-label", "Close");
    close.onclick = () => choose(-1);
    details.append(close);
    const facts = element("dl");
    for (const [name, value] of node.facts) facts.append(element("dt", name), element("dd", value));
    details.append(facts);
    list("Needs", data.edges.filter(edge => edge.from === index && !edge.dashed), "to");
    list("Needed by", data.edges.filter(edge => edge.to === index && !edge.dashed), "from");
    list("Takes from", data.edges.filter(edge => edge.from === index && edge.dashed), "to");
    list("Gives to", data.edges.filter(edge => edge.to === index && edge.dashed), "from");
  };
  const choose = index => {
    chosen = index;
    svg.classList.toggle("choosing", index >= 0);
    details.hidden = index < 0;
    const near = new Set([index]);
    for (const line of lines) {
      const from = Number(line.dataset.from), to = Number(line.dataset.to);
      const isNear = from === index || to === index;
      line.classList.toggle("near", isNear);
      if (isNear) near.add(from).add(to);
    }
    for (const node of nodes) {
      node.classList.toggle("near", near.has(nodeOf(node)));
      node.classList.toggle("chosen", nodeOf(node) === index);
    }
    for (const row of rows) {
      if (nodeOf(row) === index) row.setAttribute("aria-selected", "true");
      else row.removeAttribute("aria-selected");
    }
    if (index < 0) return;
    describe(index);
    const own = rows.filter(row => nodeOf(row) === index);
    if (own.length && own.every(row => row.hidden) && !search.value) reveal(own[0]);
    const seen = own.find(row => !row.hidden);
    if (seen) seen.scrollIntoView({block: "nearest"});
    center(index, true);
  };

  // Searching: all words, anywhere in what is known of a node.
  const textOf = data.nodes.map(node => [node.id, node.title, node.subtitle, node.note,
                                         ...node.facts.map(fact => fact[1])].join("\n").toLowerCase());
  const find = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matches = index => words.length > 0 && words.every(word => textOf[index].includes(word));
    found = data.nodes.map((_, index) => index).filter(matches);
    const set = new Set(found);
    svg.classList.toggle("searching", words.length > 0);
    for (const node of nodes) node.classList.toggle("found", set.has(nodeOf(node)));
    for (const row of rows) row.classList.toggle("found", set.has(nodeOf(row)));
    hits.textContent = words.length ? `${found.length} of ${nodes.length}` : "";
    refresh();
  };
  search.oninput = find;
  search.onkeydown = event => {
    if (event.key === "Enter" && found.length) {
      const step = event.shiftKey ? found.length - 1 : 1;
      const at = found.indexOf(chosen);
      choose(found[at < 0 ? 0 : (at + step) % found.length]);
      hits.textContent = `${found.indexOf(chosen) + 1} of ${found.length}`;
    } else if (event.key === "Escape") {
      search.value = "";
      find();
      search.blur();
    }
  };

  // The outline with the keyboard, as trees on the web are used.
  const focusRow = (row, also = true) => {
    if (!row) return;
    for (const each of rows) each.tabIndex = -1;
    row.tabIndex = 0;
    if (also) row.focus();
  };
  outline.onclick = event => {
    const row = event.target.closest("[role=treeitem]");
    if (!row) return;
    focusRow(row);
    if (event.target.className === "twist" && row.hasAttribute("aria-expanded")) {
      fold(row, row.getAttribute("aria-expanded") === "true");
    } else {
      choose(nodeOf(row));
    }
  };
  outline.ondblclick = event => {
    const row = event.target.closest("[role=treeitem]");
    if (row) fold(row, row.getAttribute("aria-expanded") === "true");
  };
  outline.onkeydown = event => {
    const row = event.target.closest("[role=treeitem]");
    const seen = rows.filter(each => !each.hidden);
    const at = seen.indexOf(row);
    const open = row && row.getAttribute("aria-expanded");
    const keys = {
      ArrowDown: () => focusRow(seen[at + 1]),
      ArrowUp: () => focusRow(seen[at - 1]),
      Home: () => focusRow(seen[0]),
      End: () => focusRow(seen[seen.length - 1]),
      ArrowRight: () => (open === "false" ? fold(row, false) : open && focusRow(seen[at + 1])),
      ArrowLeft: () => (open === "true" ? fold(row, true) : focusRow(parentOf(row))),
      Enter: () => choose(nodeOf(row)),
      " ": () => choose(nodeOf(row)),
    };
    if (!row || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  };

  // The picture with mouse, fingers and keyboard.
  let drag = null;
  picture.onpointerdown = event => {
    if (event.button !== 0) return;
    drag = {x: event.clientX, y: event.clientY, moved: false, node: event.target.closest(".node")};
    picture.setPointerCapture(event.pointerId);
  };
  picture.onpointermove = event => {
    if (!drag) return;
    const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
    if (!drag.moved && Math.hypot(dx, dy) < 4) return;
    drag.moved = true;
    picture.classList.add("dragged");
    view.x -= dx / view.scale;
    view.y -= dy / view.scale;
    drag.x = event.clientX;
    drag.y = event.clientY;
    show();
  };
  picture.onpointerup = () => {
    picture.classList.remove("dragged");
    if (drag && !drag.moved) choose(drag.node ? nodeOf(drag.node) : -1);
    drag = null;
  };
  picture.ondblclick = event => {
    const node = event.target.closest(".node");
    const row = node && rows.find(each => nodeOf(each) === nodeOf(node) && each.hasAttribute("aria-expanded"));
    if (row) fold(row, row.getAttribute("aria-expanded") === "true");
  };
  picture.addEventListener("wheel", event => {
    event.preventDefault();
    const box = picture.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - box.x, event.clientY - box.y);
  }, {passive: false});
  picture.onkeydown = event => {
    const step = 60 / view.scale;
    const keys = {
      ArrowLeft: () => { view.x -= step; }, ArrowRight: () => { view.x += step; },
      ArrowUp: () => { view.y -= step; }, ArrowDown: () => { view.y += step; },
      "+": () => zoomMiddle(1.25), "=": () => zoomMiddle(1.25), "-": () => zoomMiddle(0.8), 0: showAll,
    };
    if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    keys[event.key]();
    show();
  };
  document.addEventListener("keydown", event => {
    if (event.key === "/" && document.activeElement !== search) {
      event.preventDefault();
      search.focus();
    } else if (event.key === "Escape" && document.activeElement !== search) {
      choose(-1);
    }
  });
  const button = (id, act) => { document.getElementById(id).onclick = act; };
  button("fold", () => foldAll(true));
  button("unfold", () => foldAll(false));
  button("smaller", () => zoomMiddle(0.8));
  button("larger", () => zoomMiddle(1.25));
  button("fit", showAll);
  window.addEventListener("resize", show);
  focusRow(rows[0], false);
  fit();
  // A page can be pointed at a node: page.html#root/app.
  const named = decodeURIComponent(location.hash.slice(1));
  const start = named ? data.nodes.findIndex(node => node.id === named) : -1;
  if (start >= 0) choose(start);
})();

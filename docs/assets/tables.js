// Tables of results: a click on a column's head sorts, menus filter, and #Column=value in the address filters at once.
(() => {
  const number = (text) => parseFloat(text.replace("−", "-").replaceAll(",", ""));

  function sort(table, column, button) {
    const down = button.ariaSort === "ascending";
    table.querySelectorAll("th").forEach((head) => (head.ariaSort = "none"));
    button.ariaSort = down ? "descending" : "ascending";
    const rows = [...table.tBodies[0].rows].map((row) => {
      const text = row.cells[column].textContent.trim();
      return { row, text, value: number(text), empty: text === "–" || text === "" };
    });
    const numeric = rows.some((one) => !one.empty) && rows.every((one) => one.empty || !isNaN(one.value));
    rows.sort((a, b) => {
      if (a.empty !== b.empty) return a.empty - b.empty; // what nobody measured stays last
      const order = numeric ? a.value - b.value : a.text.localeCompare(b.text, "en", { numeric: true });
      return down ? -order : order;
    });
    table.tBodies[0].append(...rows.map((one) => one.row));
  }

  function wanted() {
    return new URLSearchParams(location.hash.slice(1));
  }

  function set(box) {
    const table = box.querySelector("table");
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      head.tabIndex = 0;
      head.ariaSort = "none";
      head.addEventListener("click", () => sort(table, column, head));
      head.addEventListener("keydown", (event) => event.key === "Enter" && sort(table, column, head));
    });
    const bar = Object.assign(document.createElement("div"), { className: "ina-filters" });
    const count = Object.assign(document.createElement("output"), { className: "ina-count" });
    const menus = box.dataset.filters.split("|").flatMap((name) => {
      const column = heads.findIndex((head) => head.textContent === name);
      const values = new Set([...table.tBodies[0].rows].map((row) => row.cells[column]?.textContent));
      if (column < 0 || values.size < 2) return [];
      const menu = document.createElement("select");
      menu.append(new Option("all", ""), ...[...values].map((value) => new Option(value, value)));
      menu.addEventListener("change", filter);
      const label = document.createElement("label");
      label.append(`${name} `, menu);
      bar.append(label);
      return [{ name, column, menu }];
    });

    function filter() {
      let shown = 0;
      for (const row of table.tBodies[0].rows) {
        row.hidden = menus.some(({ column, menu }) => menu.value && row.cells[column].textContent !== menu.value);
        shown += !row.hidden;
      }
      count.textContent = `${shown} of ${table.tBodies[0].rows.length} rows`;
    }

    function fromAddress() {
      const given = menus.filter(({ name }) => wanted().has(name));
      given.forEach(({ name, menu }) => (menu.value = wanted().get(name)));
      filter();
      if (given.length) box.scrollIntoView();
    }

    bar.append(count);
    box.before(bar);
    addEventListener("hashchange", fromAddress);
    fromAddress();
  }

  document.querySelectorAll(".ina-table").forEach(set);
})();

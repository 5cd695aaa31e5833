/* Puts missing children into another site's page: a frame that the site itself fills, so that nobody stays in
   it who is no longer shown, however long the page around it is kept. See /<language>/partners. */
(function () {
  var script = document.currentScript, asked = script.dataset, origin = new URL(script.src).origin;
  var page = asked.child ? "child/" + asked.child.split("/").map(encodeURIComponent).join("/") + "/widget" : "widget";
  var address = new URL("/" + encodeURIComponent(asked.language || "en") + "/" + page, origin);
  ["country", "count", "list"].forEach(function (name) {
    if (asked[name]) address.searchParams.set(name, asked[name]);
  });
  var frame = document.createElement("iframe");
  frame.src = address.href;
  frame.title = asked.title || "Missing children";
  frame.loading = "lazy";
  frame.style.cssText = "border:0;width:100%;height:" + (parseInt(asked.height, 10) || 480) + "px";
  script.parentNode.insertBefore(frame, script.nextSibling);
  // A page may stay open for days: ask again every ten minutes, and when somebody comes back to it.
  var shown = Date.now();
  function again() {
    if (document.hidden || Date.now() - shown < 600000) return;
    shown = Date.now();
    frame.contentWindow.location.replace(address.href);
  }
  setInterval(again, 60000);
  document.addEventListener("visibilitychange", again);
})();

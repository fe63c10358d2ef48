// Pages that refresh themselves get the log-in page once the session has ended: then show it as a page.
document.addEventListener("htmx:beforeSwap", (event) => {
  if (new URL(event.detail.xhr.responseURL).pathname !== event.detail.pathInfo.requestPath.split("?")[0]) {
    event.preventDefault();
    window.location.reload();
  }
});

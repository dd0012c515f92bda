// The explorer on the landing page: its frame is as high as what it holds.
for (const frame of document.querySelectorAll("iframe.explorer")) {
  const follow = () => {
    const page = frame.contentDocument?.querySelector("main");
    if (!page) return; // a page from a file: browsers keep frames of those apart
    const fit = () => (frame.style.height = `${Math.ceil(page.getBoundingClientRect().height)}px`);
    new ResizeObserver(fit).observe(page);
    fit();
  };
  frame.addEventListener("load", follow);
  follow();
}

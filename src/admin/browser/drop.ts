/** Lets a file be dropped anywhere on a field for files, and shows that it may be. */

export function acceptDrops(): void {
  for (const type of ["dragenter", "dragover", "dragleave", "drop"] as const) {
    document.addEventListener(type, (event) => {
      const zone = event.target instanceof Element ? event.target.closest("[data-drop]") : null;
      if (zone === null) return;
      event.preventDefault();
      zone.classList.toggle("is-over", type === "dragenter" || type === "dragover");
      const input = zone.querySelector<HTMLInputElement>("input[type=file]");
      const files = event.dataTransfer?.files;
      if (type === "drop" && input !== null && files !== undefined && files.length > 0) input.files = files;
    });
  }
}

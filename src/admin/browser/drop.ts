/**
 * Lets a file be dropped anywhere on a page that has a field for files, and shows that it may be. Dropped beside the
 * field the browser would open it instead.
 */

export function acceptDrops(): void {
  for (const type of ["dragenter", "dragover", "dragleave", "drop"] as const) {
    document.addEventListener(type, (event) => {
      const zone = document.querySelector("[data-drop]");
      const { dataTransfer, relatedTarget } = event;
      if (zone === null || !dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      // From one element to the next is no leaving.
      if (type === "dragleave" && relatedTarget !== null) return;
      zone.classList.toggle("is-over", type === "dragenter" || type === "dragover");
      const input = zone.querySelector<HTMLInputElement>("input[type=file]");
      if (type === "drop" && input !== null && dataTransfer.files.length > 0)
        input.files = dataTransfer.files;
    });
  }
}

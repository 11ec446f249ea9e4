/**
 * Accepts a file dropped anywhere on a page with a file field, and highlights the field. Without this the browser would
 * open a file that is dropped beside the field.
 */

export function acceptDrops(): void {
  for (const type of ["dragenter", "dragover", "dragleave", "drop"] as const) {
    document.addEventListener(type, (event) => {
      const zone = document.querySelector("[data-drop]");
      const { dataTransfer, relatedTarget } = event;
      if (zone === null || !dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      // Moving between elements also fires dragleave.
      if (type === "dragleave" && relatedTarget !== null) return;
      zone.classList.toggle("is-over", type === "dragenter" || type === "dragover");
      const input = zone.querySelector<HTMLInputElement>("input[type=file]");
      if (type === "drop" && input !== null && dataTransfer.files.length > 0)
        input.files = dataTransfer.files;
    });
  }
}

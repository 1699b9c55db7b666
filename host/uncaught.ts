// Errors of an application's listeners: they are the application's own, so they reach it as uncaught exceptions, but from a
// turn of their own, so that nothing of ours is left half done.

export function runListener(task: () => void): void {
  try {
    task();
  } catch (error) {
    setImmediate(() => {
      throw error;
    });
  }
}

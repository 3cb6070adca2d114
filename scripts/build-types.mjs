/** Types and editor data of the element. */
export async function buildTypes() {}

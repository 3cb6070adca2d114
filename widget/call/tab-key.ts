/** Under which name a tab keeps what its next page goes on with. */
export const tabKey = ({ tenant }: { readonly tenant: string }): string => `call:${tenant}`;

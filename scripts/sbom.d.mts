export interface Bill {
  components: {
    name: string;
    version: string;
    purl: string;
    licenses: [{ license: { id: string }; expression?: undefined } | { expression: string; license?: undefined }];
    hashes?: { alg: string; content: string }[];
    properties: { name: string; value: string }[];
  }[];
}
export interface Locked {
  version?: string;
  license?: string;
  integrity?: string;
  os?: string[];
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}
export interface Lock {
  packages: Record<string, Locked>;
}
export const SBOM_FILE: string;
export const NOT_IN_IMAGE: string[];
export function installed(lock: Lock, options?: { isImage?: boolean }): Map<string, Locked>;
export function nameAt(place: string): string;
export function packagesIn(output: { modules?: Record<string, { renderedLength: number }> }[]): string[];
export function billOfMaterials(
  manifest: { name: string; version: string; license: string },
  lock: Lock,
  bundled: Record<string, string[]>,
): Bill;

export interface Directory {
  hasRole(user: string, role: string): Promise<boolean>;
}

export interface Request {
  readonly user: string | null;
  readonly path: string;
}

export type Decision = "allow" | "login" | "deny";

/** Decides who may see which page. Only admins see what lies below /admin. */
export class Guard {
  constructor(private readonly directory: Directory) {}

  async decide(request: Request): Promise<Decision> {
    if (request.path !== "/admin" && !request.path.startsWith("/admin/")) {
      return "allow";
    }
    const { user } = request;
    if (user === null) {
      return "login";
    }
    const isAdmin = await this.directory.hasRole(user, "admin");
    return isAdmin ? "allow" : "deny";
  }
}

import { Component, type ReactNode } from "react";

interface PlainIfBrokenProps {
  text: string;
  children: ReactNode;
}

/** Shows the bare text of a message that cannot be laid out: one that a library fails on must not take the page along. */
export class PlainIfBroken extends Component<PlainIfBrokenProps, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override render(): ReactNode {
    return this.state.broken ? <p className="as-written">{this.props.text}</p> : this.props.children;
  }
}
